-- Does what settlements do where the results are, on a server that is not the broker's.
--
-- ARGV  for each: its number; then its steps of chords and its documents as in settle.lua, but without
--       lists and messages
-- Returns { refusals, outcomes of the steps: number, outcome, … }. Outcomes: `complete`, or nothing, for a
-- part; end_chord's. Raises when the server is out of memory: nothing here can free any.

local refusals, outcomes = problems, {}
local at = 1

local function next_arguments(count)
  at = at + count
  return unpack(ARGV, at - count, at - 1)
end

local function step_chord()
  local kind = next_arguments(1)
  if kind == 'size' then
    begin_chord(next_arguments(4))
    return '', true
  elseif kind == 'part' then
    return count_part(next_arguments(5)) and 'complete' or '', true
  end
  local key, expires = next_arguments(2)
  local outcome = end_chord(key, expires, true)
  return outcome, outcome == 'open'
end

while at <= #ARGV do
  local happens = true
  for _ = 1, tonumber((next_arguments(1))) do
    local outcome
    outcome, happens = step_chord()
    outcomes[#outcomes + 1] = outcome
  end
  for _ = 1, tonumber((next_arguments(1))) do
    local key, document, expires, over = next_arguments(4)
    local problem = happens and write(key, document, expires, over)
    if problem then
      refusals[#refusals + 1] = problem
    end
  end
  for _, problem in ipairs(refusals) do
    if string.find(problem, 'OOM', 1, true) then
      return redis.error_reply(problem)
    end
  end
end
return { refusals, outcomes }
