"""Running many jobs: here, in processes of this machine, or on a cluster; no job notices what another comes to."""
