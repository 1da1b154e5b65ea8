-- Alarms that stood for more than a day without a break. Fewer than five at any time are acceptable.
select
  database_name, event_frame_id, tag_webid, alarm_key, alarm_name, severity, start_s, end_s,
  coalesce(end_s, until_s) - start_s as seconds
from alarm_base
where coalesce(end_s, until_s) - start_s > 86400
