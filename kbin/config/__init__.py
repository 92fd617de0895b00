"""The experiment file's contents as frozen, typed settings; `experiment_file` reads them from YAML."""
