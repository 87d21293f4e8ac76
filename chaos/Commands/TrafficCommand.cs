using System.CommandLine;
using KvStore.Chaos.Traffic;

namespace KvStore.Chaos.Commands;

/// <summary><c>chaos traffic</c>: the runner starts it within the clients' network.</summary>
internal static class TrafficCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("options");
        var command = new Command("traffic") { file };
        command.Hidden = true;
        command.SetAction((parsed, _) => TrafficProcess.RunAsync(parsed.GetRequiredValue(file)));
        return command;
    }
}
