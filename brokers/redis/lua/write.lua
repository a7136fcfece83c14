-- Stores and announces result documents on a server that is not the broker's.
--
-- ARGV  key, document, seconds to keep (0: for ever), see document.lua: over, for each
-- Returns refusals. Raises when the server is out of memory: nothing here can free any.

local refusals = {}
for i = 1, #ARGV, 4 do
  local problem = write(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3])
  if problem and string.find(problem, 'OOM', 1, true) then
    return redis.error_reply(problem)
  end
  refusals[#refusals + 1] = problem
end
return refusals
