-- Begins, and at the end concludes, the recovery of a worker whose lease has ended.
--
-- ARGV[1]  workers: sorted set, incarnation -> end of its lease, epoch in ms
-- ARGV[2]  its incarnation
-- ARGV[3]  its record: once its step has become `buried`, none of its requests is carried out any
--          more, also not one that still waits in the server's buffer, and should it live, it is told
--          so when it enters (enter.lua).
-- ARGV[4]  what it held, a sorted set
-- ARGV[5]  the claim on recovering it, so that not every worker does; void when its owner is gone
-- ARGV[6]  who claims
-- ARGV[7]  ms that the claim is kept; 0: everything has been recovered
-- ARGV[8]  ms that the record is kept for that
-- ARGV[9]  1: its process is gone: the lease ends now
--
-- Returns 1, or 0 if its lease has not ended or another one recovers it.
-- What removes comes before what writes, so that this passes when Redis is out of memory.

local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000

local function lives(incarnation)
  local ends = redis.call('ZSCORE', ARGV[1], incarnation)
  return ends and tonumber(ends) > now
end

if ARGV[9] == '1' and redis.call('ZREM', ARGV[1], ARGV[2]) == 1 then
  redis.call('ZADD', ARGV[1], 0, ARGV[2])
end
if not redis.call('ZSCORE', ARGV[1], ARGV[2]) or lives(ARGV[2]) then
  return 0
end
if ARGV[7] == '0' then
  redis.call('ZREM', ARGV[1], ARGV[2])
  redis.call('UNLINK', ARGV[4], ARGV[5]) -- what is large is freed beside the commands
  return 1
end
if redis.call('HEXISTS', ARGV[3], 'buried') == 0 then
  local step = redis.call('HGET', ARGV[3], 'step') or 0
  redis.call('DEL', ARGV[3])
  redis.call('HSET', ARGV[3], 'buried', step)
  redis.call('PEXPIRE', ARGV[3], ARGV[8])
end
local claimant = redis.call('GET', ARGV[5])
if claimant == ARGV[6] then
  return 1
elseif claimant and lives(claimant) then
  return 0
end
redis.call('DEL', ARGV[5])
redis.call('SET', ARGV[5], ARGV[6], 'PX', ARGV[7])
return 1
