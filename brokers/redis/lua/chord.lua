-- Counts the parts of chords, in front of the scripts that do (PROTOCOL 11; brokers/effects.py).
--
-- Keys of a chord, behind that of its group: .j entries, .s size, .t parts added later, .d members that have
-- been counted, .c who ends it: Celery's token, `runtime` (ours), or `done`.
--
-- GETEX, not GET: see document.lua. Nothing raises: what has to follow must follow.

local DONE_FOR = 300 -- seconds, as Celery's

local problems = {}

local function try(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) == 'table' and reply.err then
    problems[#problems + 1] = 'chord ' .. key .. ': ' .. reply.err
    return false
  end
  return reply
end

local function set_for(key, value, expires)
  if expires == '0' then
    try('SET', key, value)
  else
    try('SET', key, value, 'EX', expires)
  end
end

local function number_for(key, expires)
  if expires == '0' then
    return try('GETEX', key) or nil
  end
  return try('GETEX', key, 'EX', expires) or nil
end

local function begin_chord(key, size, expires, structure)
  try('DEL', key .. '.c')
  set_for(key .. '.s', size, expires)
  if structure ~= '' then
    set_for(key, structure, expires)
  end
end

-- Whether the chord is complete, and not over.
local function count_part(key, member, entry, score, expires)
  if try('GETEX', key .. '.c') == 'done' then
    return false
  end
  if try('SADD', key .. '.d', member) == 1 then
    if score == '' then
      try('RPUSH', key .. '.j', entry)
    else
      try('ZADD', key .. '.j', score, entry)
    end
  end
  if expires ~= '0' then
    for _, part in ipairs({ '.j', '.d', '' }) do
      try('EXPIRE', key .. part, expires)
    end
  end
  local size = tonumber(number_for(key .. '.s', expires))
  local added = tonumber(number_for(key .. '.t', expires)) or 0
  local counted = try(score == '' and 'LLEN' or 'ZCARD', key .. '.j')
  return size ~= nil and counted == size + added
end

-- 'open': it is over with that, or with `elsewhere` claimed; 'claimed', by a Celery worker; 'over', before.
local function end_chord(key, expires, elsewhere)
  local claim = try('GETEX', key .. '.c')
  if claim == 'done' or not try('GETEX', key .. '.s') then
    return 'over'
  end
  if claim and claim ~= 'runtime' then
    return 'claimed'
  end
  if elsewhere then
    set_for(key .. '.c', 'runtime', expires)
  else
    try('UNLINK', key .. '.j', key .. '.t', key .. '.s', key .. '.d')
    try('SET', key .. '.c', 'done', 'EX', DONE_FOR)
  end
  return 'open'
end
