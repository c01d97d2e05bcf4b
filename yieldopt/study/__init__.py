"""From a YAML file to a record: what is asked, what was done, what came."""
