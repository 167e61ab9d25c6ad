"""What Python runs as it starts: pyspark is taken from where it is installed, as bytecode.

spark-submit and Spark's workers put `pyspark.zip` first, which has sources alone: each driver
and each worker would compile them anew, for half a second.
"""

import sys
from pathlib import Path


def _is_beside_its_package(entry: str) -> bool:
    """Whether it is one of Spark's archives, of a pyspark that is installed here."""
    place = Path(entry)
    in_package = place.parts[-4:-1] == ("pyspark", "python", "lib")
    return in_package and place.suffix == ".zip" and str(place.parents[3]) in sys.path


sys.path[:] = sorted(sys.path, key=_is_beside_its_package)  # these last, the others as they were
