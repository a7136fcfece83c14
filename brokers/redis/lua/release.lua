-- Gives a mutex back, if it is still ours (PROTOCOL 8.4).
--
-- ARGV[1]  its key
-- ARGV[2]  the token it was taken with

if redis.call('GET', ARGV[1]) == ARGV[2] then
  return redis.call('DEL', ARGV[1])
end
return 0
