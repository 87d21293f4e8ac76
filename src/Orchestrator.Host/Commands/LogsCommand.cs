using System.CommandLine;
using Orchestrator.Host.Profiles;

namespace Orchestrator.Host.Commands;

/// <summary><c>orchestrator logs [-f] [-n LINES] [PART]</c>: what the parts of a cluster have written.</summary>
internal static class LogsCommand
{
    /// <summary>How often a followed file is looked at.</summary>
    private static readonly TimeSpan FollowInterval = TimeSpan.FromMilliseconds(200);

    public static Command Create()
    {
        var profileOption = CommonOptions.Profile();
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on with what is written from now on" };
        var lines = new Option<int>("--length", "-n") { Description = "Lines from the end of each log", DefaultValueFactory = _ => 60, HelpName = "LINES", CustomParser = CommonOptions.Number };
        var part = new Argument<string?>("PART")
        {
            Description = "One part only: store, apiserver, controller-manager, scheduler, kubelet, server", Arity = ArgumentArity.ZeroOrOne,
        };
        var command = new Command("logs", "Show the logs of a cluster's parts.") { profileOption, follow, lines, part };
        CommonOptions.SetAction(command, (result, cancellation) => RunAsync(
            CommonOptions.ExistingProfile(result.GetValue(profileOption)!), result.GetValue(part), result.GetValue(lines), result.GetValue(follow),
            Console.Out, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(
        Profile profile, string? part, int lines, bool follows, TextWriter output, CancellationToken cancellation)
    {
        if (lines < 0)
            throw new CommandException($"--length: {lines} is negative");
        var files = FilesOf(profile, part);
        var positions = new Dictionary<string, long>();
        foreach (string file in files)
        {
            if (files.Count > 1)
                await output.WriteLineAsync($"==> {Path.GetFileNameWithoutExtension(file)} <==");
            positions[file] = await WriteLastLinesAsync(file, lines, output, cancellation);
        }
        try
        {
            while (follows)
            {
                await Task.Delay(FollowInterval, cancellation);
                foreach (string file in files)
                    positions[file] = await WriteFromAsync(file, positions[file], output, cancellation);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Ctrl-C is how following ends.
        }
        return 0;
    }

    private static List<string> FilesOf(Profile profile, string? part)
    {
        var all = (Directory.Exists(profile.Logs) ? Directory.GetFiles(profile.Logs, "*.log") : []).Append(profile.ProcessLog)
            .Where(File.Exists).Order(StringComparer.Ordinal).ToList();
        if (part is null)
            return all;
        string? named = all.Find(file => Path.GetFileNameWithoutExtension(file) == part);
        return named is not null
            ? [named]
            : throw new CommandException($"there is no log of \"{part}\"; there are: {string.Join(", ", all.Select(Path.GetFileNameWithoutExtension))}");
    }

    private static async Task<long> WriteLastLinesAsync(string file, int lines, TextWriter output, CancellationToken cancellation)
    {
        await using var stream = Open(file);
        // Backwards by blocks until enough line ends were seen.
        long start = stream.Length;
        int seen = 0;
        var block = new byte[8192];
        while (start > 0 && seen <= lines)
        {
            int length = (int)Math.Min(block.Length, start);
            stream.Position = start - length;
            await stream.ReadExactlyAsync(block.AsMemory(0, length), cancellation);
            for (int at = length - 1; at >= 0; at--)
            {
                if (block[at] != '\n' || ++seen <= lines)
                    continue;
                return await WriteFromAsync(file, start - length + at + 1, output, cancellation);
            }
            start -= length;
        }
        return await WriteFromAsync(file, lines == 0 ? stream.Length : 0, output, cancellation);
    }

    private static async Task<long> WriteFromAsync(string file, long position, TextWriter output, CancellationToken cancellation)
    {
        await using var stream = Open(file);
        // A shorter file is a new one.
        stream.Position = stream.Length < position ? 0 : position;
        using var reader = new StreamReader(stream, leaveOpen: true);
        await output.WriteAsync(await reader.ReadToEndAsync(cancellation));
        await output.FlushAsync(cancellation);
        return stream.Position;
    }

    private static FileStream Open(string file) => new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
}
