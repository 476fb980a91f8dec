-- Who is there, and what they want to hear. Every table but the operators' carries the account.
create schema settings;

create table settings.account (
  id text primary key,
  name text not null,
  locale text not null,
  time_zone text not null,
  parent_id text references settings.account (id),
  default_recipient_id uuid,
  labels jsonb not null default '{}',
  retention_days int not null default 365,
  created_at timestamptz not null default now()
);
create index account_created on settings.account (created_at, id);

create table settings.person (
  id uuid primary key default gen_random_uuid(),
  email text not null unique,
  name text not null,
  locale text,
  password_hash text,
  is_operator boolean not null default false,
  created_at timestamptz not null default now()
);

create table settings.membership (
  person_id uuid not null references settings.person (id) on delete cascade,
  account_id text not null references settings.account (id) on delete cascade,
  is_owner boolean not null default false,
  policies text[] not null default '{}',
  created_at timestamptz not null default now(),
  primary key (person_id, account_id)
);
create index membership_account on settings.membership (account_id);

-- Tokens are random; only their SHA-256 is kept.
create table settings.session (
  token_hash bytea primary key,
  person_id uuid not null references settings.person (id) on delete cascade,
  account_id text references settings.account (id) on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index session_expiry on settings.session (expires_at);

create table settings.producer (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  categories text[] not null,
  rate_per_second double precision,
  created_at timestamptz not null default now()
);

create table settings.api_key (
  id uuid primary key default gen_random_uuid(),
  producer_id uuid not null references settings.producer (id) on delete cascade,
  key_hash bytea not null unique,
  hint text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz
);
create index api_key_producer on settings.api_key (producer_id);

create table settings.recipient (
  id uuid primary key default gen_random_uuid(),
  account_id text not null references settings.account (id) on delete cascade,
  name text not null,
  title text not null,
  email text not null,
  -- Of the account and the normalised address: two recipients with one address are one destination.
  destination_id uuid not null,
  locale text,
  time_zone text,
  verified_at timestamptz,
  opted_out boolean not null default false,
  bounced_at timestamptz,
  created_at timestamptz not null default now()
);
create index recipient_account on settings.recipient (account_id, created_at, id);
create index recipient_destination on settings.recipient (destination_id);

-- The mail is made from this row when it is sent: token and code stand here encrypted, bound to the row, and never on the bus.
create table settings.verification (
  id uuid primary key default gen_random_uuid(),
  account_id text not null references settings.account (id) on delete cascade,
  recipient_id uuid not null references settings.recipient (id) on delete cascade,
  -- Normalised, and what it is as a destination: a proof of an address that was changed since proves nothing.
  email text not null,
  destination_id uuid not null,
  token_hash bytea not null unique,
  sealed text not null,
  tries int not null default 0,
  created_at timestamptz not null default now(),
  code_expires_at timestamptz not null,
  token_expires_at timestamptz not null,
  used_at timestamptz
);
create index verification_recipient on settings.verification (recipient_id, created_at);
create index verification_address on settings.verification (email, created_at);
create index verification_account on settings.verification (account_id, created_at);

create table settings.webhook (
  id uuid primary key default gen_random_uuid(),
  account_id text not null references settings.account (id) on delete cascade,
  name text not null,
  platform text not null,
  -- The channel's configuration (URL, secrets, keywords), encrypted, bound to this row.
  config text not null,
  masked_url text,
  channel_name text,
  has_secret boolean not null default false,
  keywords text[] not null default '{}',
  status text not null default 'enabled',
  status_reason text,
  consecutive_failures int not null default 0,
  failing_since timestamptz,
  last_success_at timestamptz,
  revision int not null default 1,
  created_at timestamptz not null default now()
);
create index webhook_account on settings.webhook (account_id, created_at, id);

create table settings.subscription (
  account_id text not null references settings.account (id) on delete cascade,
  scope text not null,
  channels jsonb not null,
  recipient_ids uuid[],
  webhook_ids uuid[] not null default '{}',
  rules jsonb not null,
  revision int not null,
  updated_at timestamptz not null default now(),
  updated_by text not null,
  primary key (account_id, scope)
);

create table settings.history (
  id bigint generated always as identity primary key,
  account_id text not null,
  at timestamptz not null default now(),
  by text not null,
  action text not null,
  scope text not null,
  before jsonb,
  after jsonb
);
create index history_account on settings.history (account_id, id);
create index history_scope on settings.history (account_id, scope, id);

-- The feed that makes a change known everywhere (semantics 37): read from the last snapshot's xmin, by transaction id, so
-- that a transaction that commits late is not missed.
create table settings.change (
  seq bigint generated always as identity primary key,
  xid xid8 not null default pg_current_xact_id(),
  kind text not null,
  account_id text,
  key text not null,
  at timestamptz not null default now()
);
create index change_xid on settings.change (xid);
create index change_at on settings.change (at);
