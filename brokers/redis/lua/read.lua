-- Shows messages in unacked storage, as many as do not hold the server for long. Changes nothing.
--
-- ARGV[1]  unacked          ARGV[2]  bytes of messages after which no more are shown
-- ARGV[3…] tags
--
-- Returns the stored values of the first tags, at least one; nothing in place of one that is not there.

local found, size = {}, 0
for i = 3, #ARGV do
  size = size + redis.call('HSTRLEN', ARGV[1], ARGV[i])
  if size > tonumber(ARGV[2]) and i > 3 then
    break
  end
  found[#found + 1] = redis.call('HGET', ARGV[1], ARGV[i])
end
return found
