using System.Text.Json.Nodes;
using Orchestrator.Runtime.ApiServer.Resources;

namespace Orchestrator.Runtime.ApiServer.Http;

/// <summary>What clients are told to talk to; they choose features by it.</summary>
internal static class ServerVersion
{
    public const string GitVersion = "v1.33.1";

    public static byte[] Document { get; } = JsonBytes.Of(new JsonObject
    {
        ["major"] = "1",
        ["minor"] = "33",
        ["emulationMajor"] = "1",
        ["emulationMinor"] = "33",
        ["minCompatibilityMajor"] = "1",
        ["minCompatibilityMinor"] = "32",
        ["gitVersion"] = GitVersion,
        ["gitCommit"] = "",
        ["gitTreeState"] = "clean",
        ["buildDate"] = "2025-05-15T00:00:00Z",
        ["goVersion"] = "",
        ["compiler"] = "dotnet",
        ["platform"] = Platform,
    });

    private static string Platform => System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.Arm64 => "linux/arm64",
        _ => "linux/amd64",
    };
}
