using System.CommandLine;
using KvStore.Chaos.History;

namespace KvStore.Chaos.Commands;

/// <summary><c>chaos show</c>: a history's records as lines of JSON, for reading and for other programs.</summary>
internal static class ShowCommand
{
    private static readonly Argument<string> Source =
        new("folder") { Description = "A run's folder, or one of its files of records." };
    private static readonly Option<bool> All =
        new("--all") { Description = "Also requests, watches and what members said of themselves." };

    public static Command Create()
    {
        var command = new Command("show", "Prints what happened in a run: faults, processes, notes; or everything.")
        {
            Source, All,
        };
        command.SetAction(parsed => Show(parsed.GetRequiredValue(Source), parsed.GetValue(All)));
        return command;
    }

    private static void Show(string source, bool isAll)
    {
        using var reader = new HistoryReader(Directory.Exists(source) ? new RunFolder(source).HistoryFile : source);
        foreach (var record in reader.Records().Where(record => isAll || IsOfTheRig(record)))
            Console.WriteLine(record);
    }

    private static bool IsOfTheRig(HistoryRecord record) => record.KindCase
        is not (HistoryRecord.KindOneofCase.Operation or HistoryRecord.KindOneofCase.WatchSent
            or HistoryRecord.KindOneofCase.WatchReceived or HistoryRecord.KindOneofCase.WatchStreamEnded or HistoryRecord.KindOneofCase.MemberObserved);
}
