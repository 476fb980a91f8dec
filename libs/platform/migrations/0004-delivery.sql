-- Deliveries: one row each, kept by the day they were accepted. What is still to be done is in a narrow table of its own.
create schema delivery;

create table delivery.delivery (
  delivery_id uuid not null,
  -- The event row's; every statement outside the operators' search carries it, so that one partition is read.
  accepted_at timestamptz not null,
  -- Null in Herald's own mails, which no event asked for.
  message_id uuid,
  event_id uuid,
  account_id text not null,
  channel text not null,
  destination_id uuid not null,
  label text not null,
  lane text not null,
  category text not null,
  subtype text not null,
  severity text not null,
  occurred_at timestamptz not null,
  expires_at timestamptz,
  status text not null,
  reason text,
  -- A replay is a new pass of the same delivery.
  pass int not null,
  attempt_count int not null,
  -- Of the last attempt.
  provider_code text,
  attempts jsonb not null,
  created_at timestamptz not null default now(),
  ended_at timestamptz,
  primary key (delivery_id, accepted_at)
) partition by range (accepted_at);
create index delivery_accepted on delivery.delivery (accepted_at, message_id);
create index delivery_account on delivery.delivery (account_id, accepted_at);
create index delivery_not_delivered on delivery.delivery (accepted_at) where status <> 'delivered';

-- Made beside and attached: inserts into other days go on meanwhile.
create function delivery.make_partition(day date) returns boolean language plpgsql as $$
declare
  name text := 'delivery_' || to_char(day, 'YYYYMMDD');
begin
  if to_regclass('delivery.' || name) is not null then return false; end if;
  perform pg_advisory_xact_lock(4837004);
  if to_regclass('delivery.' || name) is not null then return false; end if;
  execute format('create table delivery.%I (like delivery.delivery including defaults including indexes)', name);
  execute format('alter table delivery.delivery attach partition delivery.%I for values from (%L) to (%L)',
    name, day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
  return true;
end $$;
select delivery.make_partition(((now() at time zone 'UTC')::date + n)) from generate_series(-1, 14) n;

-- What isn't ended. Claims read this alone; it is written in the statement that writes the delivery.
create table delivery.open (
  delivery_id uuid primary key,
  accepted_at timestamptz not null,
  account_id text not null,
  channel text not null,
  destination_id uuid not null,
  -- 0 urgent, 1 normal, 2 bulk.
  lane smallint not null,
  -- scheduled: may be claimed when due. parked: pulled when its destination has room, or ended when due.
  -- leased: being attempted, may be claimed by anybody when the lease (due_at) has run out.
  state text not null,
  due_at timestamptz not null,
  -- Raised by every claim: an outcome under an older number changes nothing.
  fence int not null,
  pass int not null,
  -- Attempts of this pass that count.
  spent int not null,
  was_ambiguous boolean not null,
  -- When this pass ends, whatever it waits for, and as what.
  last_at timestamptz not null,
  last_reason text not null
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
create index open_due on delivery.open (channel, lane, due_at);
create index open_turns on delivery.open (channel, lane, account_id, destination_id, due_at);
create index open_destination on delivery.open (destination_id, state, lane, accepted_at);
create index open_accepted on delivery.open (accepted_at);

-- A destination that has parked rows, or whose breaker is open. One process at a time pulls it.
create table delivery.queue (
  destination_id uuid primary key,
  account_id text not null,
  channel text not null,
  breaker text not null default 'closed',
  opened_at timestamptz,
  -- Of the settings that the breaker judged: others start with a closed one.
  revision int not null default 0,
  -- Nothing is pulled before: a bucket is empty, or the provider said so.
  resume_at timestamptz not null default now(),
  pulled_by uuid,
  pulled_until timestamptz not null default now()
) with (fillfactor = 70);
create index queue_pull on delivery.queue (channel, pulled_until);

-- Herald's own mails (verification): deliveries without event or subscription. What they say is made when they are sent, from
-- the row that they refer to: no token is kept here.
create table delivery.own_mail (
  delivery_id uuid primary key,
  accepted_at timestamptz not null,
  kind text not null,
  reference text not null
);
create index own_mail_accepted on delivery.own_mail (accepted_at);

-- Sums of deliveries that an event asked for, per hour of acceptance, as deltas in the statement that writes the rows; folded later.
create table delivery.ledger (
  hour timestamptz not null,
  stored bigint not null,
  ended bigint not null
);
create index ledger_hour on delivery.ledger (hour);

-- When an account was last told in its inbox that a destination fails, or works again.
create table delivery.failure_told (
  destination_id uuid primary key,
  account_id text not null,
  failing_since timestamptz not null,
  told_at timestamptz not null
);

-- What the reconciler last found (semantics 33), for the ledger's readers.
create table delivery.reconciliation (
  only_row boolean primary key default true check (only_row),
  at timestamptz not null,
  missing_positions bigint not null,
  missing_messages bigint not null,
  missing_deliveries bigint not null
);

-- Records outcomes of deliveries that have a row (semantics 15). The rows are locked first, in order; only then is judged, in a
-- statement of its own. `delivered` wins over every other state of its pass; any other outcome needs the fencing number of the
-- open row; what was attempted is added to the attempts in any case.
create function delivery.settle(given json) returns table (settled_id uuid, verdict text) language plpgsql as $$
declare
  low timestamptz;
  high timestamptz;
begin
  select min(accepted_at), max(accepted_at) into low, high from json_to_recordset(given) as g (accepted_at timestamptz);
  perform 1 from json_to_recordset(given) as g (delivery_id uuid, accepted_at timestamptz)
    join delivery.delivery d on d.delivery_id = g.delivery_id and d.accepted_at = g.accepted_at and d.accepted_at between low and high
    order by d.delivery_id for update of d;
  perform 1 from delivery.open o where o.delivery_id in (select g.delivery_id from json_to_recordset(given) as g (delivery_id uuid))
    order by o.delivery_id for update;
  return query
  with outcomes as (
    select * from json_to_recordset(given) as g (delivery_id uuid, accepted_at timestamptz, pass int, fence int, status text, reason text,
      state text, due_at timestamptz, spent int, was_ambiguous boolean, provider_code text, attempts jsonb)
  ), judged as (
    select g.*, d.status as old_status, d.event_id,
      case
        when d.pass <> g.pass then 'earlier'
        when d.status = 'delivered' then 'noted'
        when g.status = 'delivered' then 'applied'
        when d.status = 'scheduled' and o.pass = g.pass and o.fence = g.fence then 'applied'
        else 'noted'
      end as judgement
    from outcomes g
    join delivery.delivery d on d.delivery_id = g.delivery_id and d.accepted_at = g.accepted_at and d.accepted_at between low and high
    left join delivery.open o on o.delivery_id = g.delivery_id
  ), written as (
    update delivery.delivery d set
      -- A statement whose answer was lost is repeated: an attempt stands once.
      attempts = case when d.attempts @> j.attempts then d.attempts else d.attempts || j.attempts end,
      attempt_count = d.attempt_count + case when d.attempts @> j.attempts then 0 else jsonb_array_length(j.attempts) end,
      provider_code = coalesce(j.provider_code, d.provider_code),
      status = case when j.judgement = 'applied' then j.status else d.status end,
      reason = case when j.judgement = 'applied' then j.reason else d.reason end,
      ended_at = case when j.judgement <> 'applied' then d.ended_at when j.status = 'scheduled' then null else now() end
    from judged j
    where d.delivery_id = j.delivery_id and d.accepted_at = j.accepted_at and d.accepted_at between low and high
  ), closed as (
    delete from delivery.open o using judged j
    where o.delivery_id = j.delivery_id and j.judgement = 'applied' and j.status <> 'scheduled'
  ), moved as (
    update delivery.open o set state = j.state, due_at = least(coalesce(j.due_at, o.last_at), o.last_at), spent = j.spent,
      was_ambiguous = o.was_ambiguous or j.was_ambiguous
    from judged j
    where o.delivery_id = j.delivery_id and j.judgement = 'applied' and j.status = 'scheduled'
  ), sums as (
    insert into delivery.ledger (hour, stored, ended)
    select date_trunc('hour', j.accepted_at), 0, sum(case when j.status = 'scheduled' then 0 else 1 end - case when j.old_status = 'scheduled' then 0 else 1 end)
    from judged j where j.judgement = 'applied' and j.event_id is not null
    group by 1 having sum(case when j.status = 'scheduled' then 0 else 1 end - case when j.old_status = 'scheduled' then 0 else 1 end) <> 0
  )
  select j.delivery_id, j.judgement from judged j;
end $$;
