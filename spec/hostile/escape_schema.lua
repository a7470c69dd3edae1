-- A schema from a file that is none of its.
-- at load:
channel("x:{n}", { schema = "../../../../etc/passwd" })
