-- The internal messages of every account.
create schema inbox;

create table inbox.account (
  account_id text primary key,
  last_seq bigint not null default 0,
  -- Unread messages per category.
  unread jsonb not null default '{}'
);

-- Bulk changes append here instead of holding the account's row (semantics 36); the count is row plus deltas.
create table inbox.unread_delta (
  account_id text not null,
  unread jsonb not null
);
create index unread_delta_account on inbox.unread_delta (account_id);

create table inbox.message (
  account_id text not null,
  message_id uuid not null,
  -- Order of arrival within the account: given under the lock of its row, so numbers become visible in order (semantics 34).
  seq bigint not null,
  event_id uuid not null,
  category text not null,
  subtype text not null,
  severity text not null,
  lane text not null,
  product text,
  accepted_at timestamptz not null,
  routed_at timestamptz not null,
  received_at timestamptz not null default now(),
  read_at timestamptz,
  -- A tombstone, so that a deleted message does not come back (semantics 35).
  deleted_at timestamptz,
  -- Stored for its decisions where the inbox channel is off.
  hidden boolean not null,
  decisions json not null,
  primary key (account_id, message_id)
) partition by hash (account_id);
do $$ begin
  for i in 0..7 loop
    execute format('create table inbox.message_%s partition of inbox.message for values with (modulus 8, remainder %s)', i, i);
  end loop;
end $$;
create index message_arrival on inbox.message (account_id, seq desc) where deleted_at is null and not hidden;
create index message_event on inbox.message (event_id);

create function inbox.add_counts(a jsonb, b jsonb) returns jsonb language sql immutable as $$
  select coalesce(jsonb_object_agg(key, total) filter (where total <> 0), '{}')
  from (select key, sum(value::bigint) as total
        from (select * from jsonb_each_text(a) union all select * from jsonb_each_text(b)) counts group by key) sums
$$;

-- Stores messages once and counts them. Accounts are locked in order first; only then is looked at what is already there, in
-- a statement of its own, so that two writers of one message neither count nor number it twice.
create function inbox.store(
  message_ids uuid[], account_ids text[], event_ids uuid[], categories text[], subtypes text[], severities text[], lanes text[],
  products text[], accepted_ats timestamptz[], routed_ats timestamptz[], hiddens boolean[], all_decisions text[], sends int[]
) returns setof uuid language plpgsql as $$
begin
  insert into inbox.account (account_id) select distinct a from unnest(account_ids) a order by a
    on conflict (account_id) do nothing;
  perform 1 from inbox.account where account_id = any(account_ids) order by account_id for update;
  return query
  with fresh as (
    select distinct on (i.account_id, i.message_id) i.*
    from unnest(message_ids, account_ids, event_ids, categories, subtypes, severities, lanes, products, accepted_ats, routed_ats, hiddens, all_decisions, sends)
      with ordinality as i (message_id, account_id, event_id, category, subtype, severity, lane, product, accepted_at, routed_at, hidden, decisions, sends, position)
    where not exists (select 1 from inbox.message m where m.account_id = i.account_id and m.message_id = i.message_id)
    order by i.account_id, i.message_id, i.position
  ), numbered as (
    select f.*, row_number() over (partition by account_id order by position) as place from fresh f
  ), counted as (
    select account_id, sum(n)::bigint as n, count(*) as categories, min(category) as category, sum(visible)::bigint as visible,
      jsonb_object_agg(category, visible) as unread
    from (select account_id, category, count(*) as n, count(*) filter (where not hidden) as visible from fresh group by 1, 2) per_category
    group by account_id
  ), bumped as (
    update inbox.account a set last_seq = a.last_seq + c.n,
      -- One category is the usual case, and a third of the cost.
      unread = case when c.visible = 0 then a.unread
        when c.categories = 1 then a.unread || jsonb_build_object(c.category, coalesce((a.unread ->> c.category)::bigint, 0) + c.visible)
        else inbox.add_counts(a.unread, c.unread) end
    from counted c where a.account_id = c.account_id
    returning a.account_id, a.last_seq - c.n as base
  ), stored as (
    insert into inbox.message (account_id, message_id, seq, event_id, category, subtype, severity, lane, product, accepted_at, routed_at, hidden, decisions)
    select n.account_id, n.message_id, b.base + n.place, n.event_id, n.category, n.subtype, n.severity, n.lane, n.product, n.accepted_at, n.routed_at,
      n.hidden, n.decisions::json
    from numbered n join bumped b on b.account_id = n.account_id
    returning message_id
  ), counts as (
    insert into routing.ledger (hour, kind, count)
    select hour, kind, count from (
      select date_trunc('hour', accepted_at) as hour, 'messages' as kind, count(*) as count from fresh group by 1
      union all
      select date_trunc('hour', accepted_at), 'decided', sum(fresh.sends) from fresh group by 1 having sum(fresh.sends) > 0
    ) sums
  )
  select message_id from stored;
end $$;
