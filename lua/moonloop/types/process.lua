---@meta moonloop.process

---One end of a process's standard stream.
---@class moonloop.Pipe
local Pipe = {}

---Suspends.
---@param what? integer|"some"|"line"|"all" "some", the default: what is there, at least a byte
---@return string? bytes nil at the end; "" of "all"
---@return string? code
---@return string? detail
function Pipe:read(what) end

---An iterator over the lines. Each step suspends.
---@return fun(): string?
function Pipe:lines() end

---Writes all of it. Suspends while the pipe is full.
---@param data string
---@return true? ok
---@return string? code "closed": the process reads no more
---@return string? detail
function Pipe:write(data) end

---@return true
function Pipe:close() end

---A program that runs or ran. Killed when the object is closed or collected.
---@class moonloop.Process
---@field pid integer
---@field stdin? moonloop.Pipe
---@field stdout? moonloop.Pipe
---@field stderr? moonloop.Pipe
local Process = {}

---Suspends until the process ended. A task that is cancelled here kills it.
---@param timeout? number seconds
---@return moonloop.ExitStatus? status
---@return string? code
---@return string? detail
function Process:wait(timeout) end

---@param signal? integer process.TERM is the default
---@return true? ok
---@return string? code
function Process:kill(signal) end

---Closes the pipes, and kills what still runs.
---@return true
function Process:close() end

---@class moonloop.ExitStatus
---@field status? integer exit status
---@field signal? integer what killed it

---@class moonloop.RunResult: moonloop.ExitStatus
---@field stdout string
---@field stderr? string

---@class moonloop.SpawnOptions
---@field cwd? string
---@field env? table<string, string> instead of this process's
---@field stdin? "null"|"pipe"
---@field stdout? "pipe"|"null"
---@field stderr? "pipe"|"null"|"stdout"

---@class moonloop.RunOptions
---@field cwd? string
---@field env? table<string, string>
---@field input? string for its stdin
---@field stderr? "pipe"|"null"|"stdout"
---@field timeout? number seconds

local process = {}

process.KILL = 9
process.TERM = 15
process.HUP = 1
process.INT = 2

---Runs a program to its end. Suspends. It is killed when the task is cancelled.
---@param argv string[] the program, then its arguments; no shell sees them
---@param options? moonloop.RunOptions
---@return moonloop.RunResult? result
---@return string? code "timeout": it was killed
---@return string? detail
function process.run(argv, options) end

---Starts a program. Suspends.
---@param argv string[]
---@param options? moonloop.SpawnOptions
---@return moonloop.Process? process
---@return string? code
---@return string? detail
function process.spawn(argv, options) end

return process
