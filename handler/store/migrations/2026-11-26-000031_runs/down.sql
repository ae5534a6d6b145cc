DROP TABLE shown_seeds;
DROP TABLE run_exclusions;
DROP TABLE run_ends;
DROP TABLE declared_runs;
DROP TABLE set_ups;
