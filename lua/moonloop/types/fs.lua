---@meta moonloop.fs

---A file that fs.open or fs.tempfile opened. It is closed by close(), or when it is collected.
---@class moonloop.File
---@field path string
local File = {}

---Reads on from the position. Suspends.
---@param what? integer|"all"|"line" bytes, of which fewer come only at the end; "line" is the default
---@return string? bytes nil at the end; "" of "all" at the end
---@return string? code
---@return string? detail
function File:read(what) end

---An iterator over the lines from the position on. Each step suspends.
---@return fun(): string?
function File:lines() end

---Writes all of it at the position, or at the end of a file opened for appending. Suspends.
---@param data string
---@return true? ok
---@return string? code
---@return string? detail
function File:write(data) end

---Sets the position. Suspends for "end".
---@param whence? "set"|"cur"|"end" "cur" is the default
---@param offset? integer
---@return integer? position
---@return string? code
---@return string? detail
function File:seek(whence, offset) end

---Cuts or extends the file. Suspends.
---@param size? integer by default the position
---@return true? ok
---@return string? code
---@return string? detail
function File:truncate(size) end

---Waits until what was written is on the disk. Suspends.
---@return true? ok
---@return string? code
---@return string? detail
function File:sync() end

---As fs.stat, of the open file. Suspends.
---@return moonloop.Stat? facts
---@return string? code
---@return string? detail
function File:stat() end

---Closes it; a temporary file is removed. Suspends.
---@return true? ok
---@return string? code
---@return string? detail
function File:close() end

---A directory that fs.tempdir made. It is removed by close(), or when the object is collected.
---@class moonloop.Tempdir
---@field path string
local Tempdir = {}

---Removes the directory and all that is in it. Suspends.
---@return true? ok
---@return string? code
---@return string? detail
function Tempdir:close() end

---@class moonloop.Watcher
---@field path string
local Watcher = {}

---Suspends until something happens.
---@param timeout? number seconds
---@return moonloop.WatchEvent? event
---@return "timeout"|"gone"|nil code
---@return string? detail
function Watcher:next(timeout) end

---Ends it; a task that waits in next gets nil, "gone".
---@return true
function Watcher:close() end

---@class moonloop.WatchEvent
---@field kind "created"|"modified"|"written"|"attributes"|"removed"|"overflow"
---@field name string below the watched path; "": itself
---@field dir boolean

---@alias moonloop.FileType "file"|"dir"|"link"|"fifo"|"socket"|"char"|"block"|"unknown"

---@class moonloop.Stat
---@field type moonloop.FileType
---@field size integer
---@field mode integer permissions
---@field inode integer
---@field mtime number seconds since 1970
---@field atime number
---@field ctime number
---@field links integer
---@field uid integer
---@field gid integer
---@field device integer

---@class moonloop.DirEntry
---@field name string
---@field type moonloop.FileType

local fs = {}

---Reads a whole file. Suspends.
---@param path string
---@return string? bytes
---@return string? code
---@return string? detail
function fs.read(path) end

---Replaces a file's contents, or makes the file. Suspends.
---@param path string
---@param data string
---@return true? ok
---@return string? code
---@return string? detail
function fs.write(path, data) end

---Writes at the end of a file, or makes it. Suspends.
---@param path string
---@param data string
---@return true? ok
---@return string? code
---@return string? detail
function fs.append(path, data) end

---Replaces a file's contents at once: who opens it sees the old ones or the new ones. Suspends.
---@param path string
---@param data string
---@return true? ok
---@return string? code
---@return string? detail
function fs.replace(path, data) end

---Copies a regular file with its permissions. Suspends.
---@param from string
---@param to string
---@return true? ok
---@return string? code
---@return string? detail
function fs.copy(from, to) end

---Opens a file. Suspends.
---@param path string of a regular file or a device
---@param mode? "r"|"r+"|"w"|"w+"|"a"|"a+"|"x"|"x+"
---@param options? { mode?: integer } permissions of a file that is made
---@return moonloop.File? file
---@return string? code
---@return string? detail
function fs.open(path, mode, options) end

---Makes and opens a file that is removed when it is closed or collected. Suspends.
---@param options? { dir?: string, prefix?: string }
---@return moonloop.File? file
---@return string? code
---@return string? detail
function fs.tempfile(options) end

---Makes a directory that is removed, with all that is in it, by close() or when it is collected. Suspends.
---@param options? { dir?: string, prefix?: string }
---@return moonloop.Tempdir? dir
---@return string? code
---@return string? detail
function fs.tempdir(options) end

---Suspends.
---@param path string
---@return moonloop.Stat? facts
---@return string? code
---@return string? detail
function fs.stat(path) end

---As fs.stat, but of a symbolic link itself. Suspends.
---@param path string
---@return moonloop.Stat? facts
---@return string? code
---@return string? detail
function fs.lstat(path) end

---Whether something is there; a link to nothing is not. Suspends.
---@param path string
---@return boolean? there
---@return string? code
---@return string? detail
function fs.exists(path) end

---What is in a directory, by name. Suspends.
---@param path string
---@param options? table {root = a directory that nothing leads out of}
---@return moonloop.DirEntry[]? entries
---@return string? code
---@return string? detail
function fs.listdir(path, options) end

---Makes a directory. Suspends.
---@param path string
---@param options? { parents?: boolean, mode?: integer }
---@return true? ok
---@return string? code
---@return string? detail
function fs.mkdir(path, options) end

---Removes a file or a symbolic link. Suspends.
---@param path string
---@return true? ok
---@return string? code
---@return string? detail
function fs.remove(path) end

---Removes an empty directory. Suspends.
---@param path string
---@return true? ok
---@return string? code
---@return string? detail
function fs.rmdir(path) end

---Removes a file, or a directory with all that is in it; follows no link. Suspends.
---@param path string
---@return true? ok
---@return string? code
---@return string? detail
function fs.remove_tree(path) end

---Gives a file another name, in place of what had that name. Suspends.
---@param from string
---@param to string
---@return true? ok
---@return string? code
---@return string? detail
function fs.rename(from, to) end

---Makes `path` a symbolic link to `target`. Suspends.
---@param target string
---@param path string
---@return true? ok
---@return string? code
---@return string? detail
function fs.symlink(target, path) end

---What a symbolic link leads to. Suspends.
---@param path string
---@return string? target
---@return string? code
---@return string? detail
function fs.readlink(path) end

---The absolute path without links and dots. Suspends.
---@param path string
---@return string? path
---@return string? code
---@return string? detail
function fs.realpath(path) end

---Sets the permissions. Suspends.
---@param path string
---@param mode integer
---@return true? ok
---@return string? code
---@return string? detail
function fs.chmod(path, mode) end

---Watches a file or a directory. Suspends.
---@param path string
---@param options? { recursive?: boolean }
---@return moonloop.Watcher? watcher
---@return string? code
---@return string? detail
function fs.watch(path, options) end

return fs
