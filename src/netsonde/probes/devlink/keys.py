# SPDX-License-Identifier: Apache-2.0
"""Keys that the `devlink` probe writes on the nodes of the host, of namespaces and of interfaces."""

from netsonde.model.keys import Key, of_types, written_by
from netsonde.model.looks import Look

KEYS = written_by(
    "devlink",
    *of_types(
        ("host", "netns"),
        Key("DevlinkDevices", "list of object", "devices as devlink lists them", [{"Device": "pci/0000:03:00.0"}]),
        Key("DevlinkDevices.Device", "string", "bus and address", "pci/0000:03:00.0"),
        Key("DevlinkDevices.Driver", "string", "driver", "mlx5_core"),
        Key("DevlinkDevices.Serial", "string", "serial number of the device", "MT1925X00000"),
        Key("DevlinkDevices.BoardSerial", "string", "serial number of the board", "MT1925X00001"),
        Key("DevlinkDevices.Versions", "list of object", "firmware and boards", [{"Name": "fw", "Running": "22.36"}]),
        Key("DevlinkDevices.Versions.Name", "string", "of what", "fw.version"),
        Key("DevlinkDevices.Versions.Fixed", "string", "version of the hardware", "MT_0000000540"),
        Key("DevlinkDevices.Versions.Running", "string", "version that runs", "22.36.1010"),
        Key("DevlinkDevices.Versions.Stored", "string", "version that will run after a reset", "22.37.1014"),
        Key("DevlinkDevices.EswitchMode", "string", "its switch: `legacy`, or `switchdev` with representors", "legacy"),
        Key("DevlinkDevices.EswitchInlineMode", "string", "`link network transport`: headers it needs", "link"),
        Key("DevlinkDevices.EswitchEncapMode", "string", "`basic`: it can encapsulate", "basic"),
        Key("DevlinkDevices.ReloadFailed", "boolean", "its last reload failed: it does not work", True),
        Key("DevlinkDevices.Reporters", "list of object", "what watches its health", [{"Name": "fw_fatal"}]),
        Key("DevlinkDevices.Reporters.Name", "string", "name of the reporter", "fw_fatal"),
        Key("DevlinkDevices.Reporters.Port", "integer", "port that it watches; absent for the device", 65536),
        Key("DevlinkDevices.Reporters.State", "string", "`healthy` or `error`", "healthy"),
        Key("DevlinkDevices.Reporters.Errors", "integer", "errors so far", 0),
        Key("DevlinkDevices.Reporters.Recoveries", "integer", "how often it recovered", 0),
        Key("DevlinkDevicesOmitted", "integer", "devices beyond `probes.devlink.limit`", 12),
    ),
    Key("Devlink", "object", "port of a devlink device that the interface is", {"Flavour": "physical"}),
    Key("Devlink.Device", "string", "its device", "pci/0000:03:00.0"),
    Key("Devlink.Flavour", "string", "`physical cpu dsa pcipf pcivf pcisf virtual unused`", "pcivf"),
    Key("Devlink.Controller", "integer", "controller of the function that it stands for", 0),
    Key("Devlink.PF", "integer", "physical function that it stands for, or that has it", 0),
    Key("Devlink.VF", "integer", "virtual function that it stands for", 3),
    Key("Devlink.SF", "integer", "subfunction that it stands for", 88),
    Key("Devlink.External", "boolean", "the function belongs to another host", True),
    Key("Devlink.EswitchMode", "string", "switch of its device: `legacy` or `switchdev`", "switchdev"),
    Key("Devlink.FunctionMAC", "string", "address of the function that it stands for", "02:00:00:00:00:03"),
    Key("Devlink.FunctionState", "string", "`active` or `inactive`", "active"),
    Key("Devlink.FunctionOpState", "string", "`attached` to its driver or `detached`", "attached"),
)

LOOKS: tuple[Look, ...] = ()
