-- The bus of the embedded ground, and the records of either ground that nobody could use.
create schema bus;

create table bus.topic (
  name text primary key,
  partitions int not null
);

create table bus.record (
  topic text not null,
  partition int not null,
  record_offset bigint not null,
  key text not null,
  value text not null,
  published_at timestamptz not null default now(),
  primary key (topic, partition, record_offset)
);

create table bus.position (
  grp text not null,
  topic text not null,
  partition int not null,
  next_offset bigint not null,
  primary key (grp, topic, partition)
);

-- One row per position at most: a record that is read again is kept once.
create table bus.dead_record (
  id uuid primary key default gen_random_uuid(),
  topic text not null,
  partition int not null,
  record_offset bigint not null,
  key text not null,
  value text not null,
  reason text not null,
  detail text not null,
  at timestamptz not null default now(),
  redriven_at timestamptz,
  unique (topic, partition, record_offset)
);
create index dead_record_at on bus.dead_record (at);
