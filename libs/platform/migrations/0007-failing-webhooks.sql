-- Webhooks whose accounts may have to be told something.
create index webhook_failing on settings.webhook (id) where failing_since is not null or status in ('failing', 'disabled');
-- Of the settings that were told to be switched off: the next ones are told again.
alter table delivery.failure_told add column revision int not null default 1;
