"""The services of a cluster, each the same in a container and as a plain process."""
