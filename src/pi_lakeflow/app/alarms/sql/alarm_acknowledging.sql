-- How long it takes until somebody acknowledges an alarm, by severity; seconds.
select
  database_name, severity,
  count(*) as alarms,
  sum(case when acknowledged_s is not null then 1 else 0 end) as acknowledged,
  avg(acknowledged_s - start_s) as mean_s,
  median(acknowledged_s - start_s) as median_s,
  max(acknowledged_s - start_s) as longest_s
from alarm_base
where can_be_acknowledged
group by database_name, severity
