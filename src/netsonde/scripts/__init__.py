# SPDX-License-Identifier: Apache-2.0
"""Scripts of users, in JavaScript: each in a V8 isolate, each isolate in a process of its own, all of it limited.

V8 ends its process when it finds no memory, so it is never loaded into ours. Entry points: `pool.Scripts` runs a script
or evaluates an expression, `host.Host` answers what a script asks. `isolate` is the program of the other process.
"""
