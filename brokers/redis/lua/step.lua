-- Put in front of every script that acts for one worker.
--
-- ARGV[1]  the worker's record, a hash; without `step` once its lease has ended and its messages are
--          being given to others
-- ARGV[2]  the request's number; each is one more than the last
--
-- The record's field `step` is the number of the last request that was carried out. A worker that
-- lost its connection sends again whatever was not answered: what has been done is not done twice.
-- The same stops a request that the server reads late, from the old connection's buffer.

local record, step = ARGV[1], tonumber(ARGV[2])
local last = redis.call('HGET', record, 'step')
if not last then
  return redis.error_reply('LEASE of this worker has ended')
end
local done = tonumber(last) >= step
