using System.CommandLine;
using KvStore.Chaos.History;
using KvStore.Chaos.Report;

namespace KvStore.Chaos.Commands;

/// <summary><c>chaos report FOLDER</c>: draws a run, after checking it again.</summary>
/// <remarks>Exit codes: 0 drawn, whatever the verdict, 2 there is no such run.</remarks>
public static class ReportCommand
{
    public const string Name = "report";

    private const int Drawn = 0, NoRun = 2;

    public static Command Create()
    {
        var folder = new Argument<string>("FOLDER") { Description = "What a run left" };
        var command = new Command(Name, "Draw a run: one HTML file") { Arguments = { folder } };
        command.SetAction(arguments => Run(new RunFolder(arguments.GetRequiredValue(folder)),
            arguments.InvocationConfiguration.Output, arguments.InvocationConfiguration.Error));
        return command;
    }

    public static int Run(RunFolder folder, TextWriter output, TextWriter error)
    {
        try
        {
            var verdict = CheckCommand.Judge(folder, output, out var history);
            ReportFile.Write(folder.ReportFile, history, folder.ReadDescription(), verdict);
            output.WriteLine(folder.ReportFile);
            return Drawn;
        }
        catch (Exception problem) when (problem is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            error.WriteLine(problem.Message);
            return NoRun;
        }
    }
}
