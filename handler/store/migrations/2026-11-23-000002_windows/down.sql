DROP TABLE prices;
DROP TABLE probes;
DROP TABLE decisions;
DROP TABLE windows;
