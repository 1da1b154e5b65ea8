-- Alarms by how often they came. The ten most frequent should be less than 5 % of all.
select
  database_name, tag_webid, alarm_key,
  count(*) as alarms,
  1.0 * count(*) / sum(count(*)) over (partition by database_name) as share,
  row_number() over (partition by database_name order by count(*) desc, alarm_key, tag_webid) as place
from alarm_base
group by database_name, tag_webid, alarm_key
