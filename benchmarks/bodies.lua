-- For wrk: send the lines of the file that BODIES names, in turn, as JSON.
local requests = {}
local place = 0

function init(args)
  wrk.headers["Content-Type"] = "application/json"
  for line in io.lines(os.getenv("BODIES")) do
    requests[#requests + 1] = wrk.format("POST", nil, nil, line)
  end
end

function request()
  place = place % #requests + 1
  return requests[place]
end
