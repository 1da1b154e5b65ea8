-- How long alarms stand, by severity; seconds. Those in progress count up to now.
select
  database_name, severity,
  count(*) as alarms,
  avg(coalesce(end_s, until_s) - start_s) as mean_s,
  median(coalesce(end_s, until_s) - start_s) as median_s,
  max(coalesce(end_s, until_s) - start_s) as longest_s,
  sum(coalesce(end_s, until_s) - start_s) as total_s
from alarm_base
group by database_name, severity
