using System.CommandLine;
using System.Runtime.InteropServices;
using KvStore.Server.Configuration;

namespace KvStore.Server.Hosting;

/// <summary><c>kvstore version</c>: our own version, and the level of etcd that clients see.</summary>
internal static class VersionCommand
{
    public const string Name = "version";

    public static Command Create()
    {
        var command = new Command(Name, "Print the version of kvstore and the level of etcd that it matches");
        command.SetAction(result =>
        {
            var output = result.InvocationConfiguration.Output;
            output.WriteLine($"kvstore version: {ServerVersion.Own}");
            output.WriteLine($"etcd level: {ServerVersion.Etcd}");
            output.WriteLine($"Runtime: {RuntimeInformation.FrameworkDescription}");
            output.WriteLine($"OS/Arch: {RuntimeInformation.OSDescription}/{RuntimeInformation.OSArchitecture}");
        });
        return command;
    }
}
