-- Puts a message into every queue that is bound with a key (PROTOCOL 12.2).
--
-- ARGV[1]  the exchange's bindings: set of routing key, separator, pattern, separator, queue
-- ARGV[2]  separator        ARGV[3]  routing key
-- ARGV[4]  global prefix of keys
-- ARGV[5]  message          ARGV[6]  ms after which the queue goes, should nobody read it
--
-- Returns in how many it is.

local separator, count = ARGV[2], 0
for _, member in ipairs(redis.call('SMEMBERS', ARGV[1])) do
  local key_end, pattern_begin = string.find(member, separator, 1, true)
  if key_end and string.sub(member, 1, key_end - 1) == ARGV[3] then
    local _, pattern_end = string.find(member, separator, pattern_begin + 1, true)
    if pattern_end then
      local list = ARGV[4] .. string.sub(member, pattern_end + 1)
      redis.call('LPUSH', list, ARGV[5])
      redis.call('PEXPIRE', list, ARGV[6])
      count = count + 1
    end
  end
end
return count
