DROP TABLE probe_days;
DROP TABLE decision_days;
DROP TABLE window_days;
