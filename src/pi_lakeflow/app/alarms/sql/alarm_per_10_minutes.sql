-- Alarms in each ten minutes (UTC) that had any. More than ten are a flood.
select database_name, start_s - start_s % 600 as interval_s, count(*) as alarms
from alarm_base
group by database_name, start_s - start_s % 600
