"""The shop's countries master: UN M49 numbers and regions, ISO 3166 codes."""

from typing import Final, NamedTuple


class Country(NamedTuple):
    """One row of the countries master; fields as in the landing file."""

    country_id: int
    country: str
    iso_code: str
    region: str
    sub_region: str


# The home market first, then by how much they buy. Names are such as other retailers' masters
# write too: a warehouse that holds one of those takes this shop's lines as well.
COUNTRIES: Final = (
    Country(826, "United Kingdom", "GB", "Europe", "Northern Europe"),
    Country(276, "Germany", "DE", "Europe", "Western Europe"),
    Country(250, "France", "FR", "Europe", "Western Europe"),
    Country(528, "Netherlands", "NL", "Europe", "Western Europe"),
    Country(724, "Spain", "ES", "Europe", "Southern Europe"),
    Country(36, "Australia", "AU", "Oceania", "Australia and New Zealand"),
    Country(840, "USA", "US", "Americas", "Northern America"),
    Country(392, "Japan", "JP", "Asia", "Eastern Asia"),
    Country(56, "Belgium", "BE", "Europe", "Western Europe"),
    Country(756, "Switzerland", "CH", "Europe", "Western Europe"),
    Country(620, "Portugal", "PT", "Europe", "Southern Europe"),
    Country(380, "Italy", "IT", "Europe", "Southern Europe"),
    Country(752, "Sweden", "SE", "Europe", "Northern Europe"),
    Country(578, "Norway", "NO", "Europe", "Northern Europe"),
    Country(208, "Denmark", "DK", "Europe", "Northern Europe"),
    Country(246, "Finland", "FI", "Europe", "Northern Europe"),
    Country(40, "Austria", "AT", "Europe", "Western Europe"),
    Country(616, "Poland", "PL", "Europe", "Eastern Europe"),
    Country(124, "Canada", "CA", "Americas", "Northern America"),
    Country(702, "Singapore", "SG", "Asia", "South-eastern Asia"),
    Country(300, "Greece", "GR", "Europe", "Southern Europe"),
    Country(196, "Cyprus", "CY", "Asia", "Western Asia"),
    Country(470, "Malta", "MT", "Europe", "Southern Europe"),
    Country(352, "Iceland", "IS", "Europe", "Northern Europe"),
    Country(440, "Lithuania", "LT", "Europe", "Northern Europe"),
    Country(348, "Hungary", "HU", "Europe", "Eastern Europe"),
    Country(642, "Romania", "RO", "Europe", "Eastern Europe"),
    Country(191, "Croatia", "HR", "Europe", "Southern Europe"),
    Country(705, "Slovenia", "SI", "Europe", "Southern Europe"),
    Country(376, "Israel", "IL", "Asia", "Western Asia"),
    Country(784, "United Arab Emirates", "AE", "Asia", "Western Asia"),
    Country(682, "Saudi Arabia", "SA", "Asia", "Western Asia"),
    Country(356, "India", "IN", "Asia", "Southern Asia"),
    Country(398, "Kazakhstan", "KZ", "Asia", "Central Asia"),
    Country(554, "New Zealand", "NZ", "Oceania", "Australia and New Zealand"),
    Country(242, "Fiji", "FJ", "Oceania", "Melanesia"),
    Country(76, "Brazil", "BR", "Americas", "Latin America and the Caribbean"),
    Country(484, "Mexico", "MX", "Americas", "Latin America and the Caribbean"),
    Country(32, "Argentina", "AR", "Americas", "Latin America and the Caribbean"),
    Country(818, "Egypt", "EG", "Africa", "Northern Africa"),
    Country(504, "Morocco", "MA", "Africa", "Northern Africa"),
    Country(404, "Kenya", "KE", "Africa", "Sub-Saharan Africa"),
    Country(566, "Nigeria", "NG", "Africa", "Sub-Saharan Africa"),
)

# What a later master says of one country; the warehouse keeps the first value and reports this.
DRIFTED: Final = Country(196, "Cyprus", "CY", "Europe", "Southern Europe")

# In no master. Some are hostile to whatever prints or parses them.
UNKNOWN_COUNTRIES: Final = (
    "Atlantis",
    "Narnia",
    "El Dorado",
    'Shangri-La, "Upper"',
    "<b>Utopia</b>",
    "Lost\nCity",
    "Ruritania'); --",
)
