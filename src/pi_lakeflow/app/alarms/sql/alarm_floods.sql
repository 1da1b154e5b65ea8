-- Each flood: its start and end (seconds since 1970 UTC), its alarms, and the worst ten minutes of it.
with runs as (
  select
    database_name, interval_s, alarms,
    interval_s - 600 * row_number() over (partition by database_name order by interval_s) as run
  from alarm_flood_steps
  where in_flood = 1
)
select
  database_name,
  min(interval_s) as start_s,
  max(interval_s) + 600 as end_s,
  sum(alarms) as alarms,
  max(alarms) as peak
from runs
group by database_name, run
