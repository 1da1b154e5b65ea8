-- Alarms that came three times within a minute, and how often they did. None should.
with spaced as (
  select
    database_name, tag_webid, alarm_key,
    start_s - lag(start_s, 2) over (
      partition by database_name, tag_webid, alarm_key order by start_s
    ) as three_within_s
  from alarm_base
)
select
  database_name, tag_webid, alarm_key,
  count(*) as alarms,
  sum(case when three_within_s <= 60 then 1 else 0 end) as chattering
from spaced
group by database_name, tag_webid, alarm_key
having sum(case when three_within_s <= 60 then 1 else 0 end) > 0
