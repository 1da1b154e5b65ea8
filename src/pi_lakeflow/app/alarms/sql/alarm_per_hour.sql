-- Alarms in each hour (UTC) that had any. Acceptable: about 6 for each operator, manageable: about 12.
select database_name, start_s - start_s % 3600 as hour_s, count(*) as alarms
from alarm_base
group by database_name, start_s - start_s % 3600
