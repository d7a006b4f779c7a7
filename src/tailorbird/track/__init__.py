"""Where climbs are recorded for other eyes: one file per tracker."""
