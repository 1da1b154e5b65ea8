-- Shares of the priorities beside those that EEMUA 191 and ISA-18.2 recommend. Low is a severity of
-- Warning or below, medium is Minor, high is Major or Critical.
with ranked as (
  select
    database_name,
    case when severity >= 5 then 'high' when severity = 4 then 'medium' else 'low' end as priority
  from alarm_base
)
select
  database_name, priority,
  count(*) as alarms,
  1.0 * count(*) / sum(count(*)) over (partition by database_name) as share,
  case priority when 'high' then 0.05 when 'medium' then 0.15 else 0.8 end as recommended
from ranked
group by database_name, priority
