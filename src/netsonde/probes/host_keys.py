# SPDX-License-Identifier: Apache-2.0
"""Keys that the `host` probe writes, beside those that `probes.host.metadata` adds."""

from netsonde.model.keys import Key, of_types, written_by
from netsonde.model.looks import Look

KEYS = written_by(
    "host",
    *of_types(
        ("host",),
        Key("Name", "string", "host id: the setting, else the host name", "compute-1"),
        Key("Type", "string", "`host`", "host"),
        Key("Hostname", "string", "what the kernel calls the machine", "compute-1.example.org"),
        Key("OS", "string", "kernel, in lower case", "linux"),
        Key("Platform", "string", "distribution", "debian"),
        Key("PlatformFamily", "string", "family of the distribution", "debian"),
        Key("PlatformVersion", "string", "version of the distribution", "12"),
        Key("KernelVersion", "string", "release of the kernel", "6.1.0-18-amd64"),
        Key("KernelCmdLine", "object", "parameters of the kernel", {"quiet": True, "root": "/dev/vda1"}),
        Key("KernelCmdLine.*", "any", "text; true for a flag; a list where the parameter is repeated", "/dev/vda1"),
        Key("VirtualizationSystem", "string", "hypervisor of this host or below it", "kvm"),
        Key("VirtualizationRole", "string", "`guest`, or `host` that runs guests", "guest"),
        Key("InstanceID", "string", "instance id of cloud-init", "i-0a1b2c3d"),
        Key("IsolatedCPU", "list of integer", "CPUs that are taken from the scheduler", [2, 3]),
        Key("CPU", "list of object", "processors of /proc/cpuinfo", [{"CPU": 0, "ModelName": "Xeon"}]),
        Key("CPU.CPU", "integer", "number of the processor", 0),
        Key("CPU.VendorID", "string", "vendor", "GenuineIntel"),
        Key("CPU.Family", "string", "CPU family", "6"),
        Key("CPU.Model", "string", "model number", "85"),
        Key("CPU.Stepping", "integer", "stepping", 7),
        Key("CPU.PhysicalID", "string", "socket", "0"),
        Key("CPU.CoreID", "string", "core within the socket", "0"),
        Key("CPU.Cores", "integer", "cores of the socket", 8),
        Key("CPU.ModelName", "string", "model", "Intel(R) Xeon(R) Gold 6240"),
        Key("CPU.Mhz", "number", "clock", 2593.9, unit="MHz"),
        Key("CPU.CacheSize", "string", "size of the cache as the kernel writes it", "25344 KB"),
        Key("CPU.Microcode", "string", "revision of the microcode", "0x5003604"),
    ),
)

LOOKS = (Look("host", "host", group=True),)
