-- Whether each ten minutes belong to a flood: one begins with more than ten alarms and ends with fewer
-- than five, or with ten minutes without any (ISA-18.2).
with marked as (
  select
    database_name, interval_s, alarms,
    case
      when alarms > 10 then 1
      when alarms < 5 then 0
      when interval_s - lag(interval_s) over (partition by database_name order by interval_s) > 600 then 0
    end as mark
  from alarm_per_10_minutes
),
numbered as (
  select
    database_name, interval_s, alarms, mark,
    count(mark) over (
      partition by database_name order by interval_s rows between unbounded preceding and current row
    ) as turn
  from marked
)
select
  database_name, interval_s, alarms,
  coalesce(max(mark) over (partition by database_name, turn), 0) as in_flood
from numbered
