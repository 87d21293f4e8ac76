using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Commands;

/// <summary>The server of this repository, as its own build leaves it.</summary>
internal static class DefaultServer
{
    private const string Built = "src/KvStore.Server/bin/Release/net10.0/kvstore";

    /// <exception cref="RigException">It is not built.</exception>
    public static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (!File.Exists(Path.Combine(folder.FullName, "KvStore.sln")))
                continue;
            string program = Path.Combine(folder.FullName, Built);
            return File.Exists(program)
                ? program
                : throw new RigException($"{program} is not there: dotnet build src/KvStore.Server -c Release, or give --server");
        }
        throw new RigException("this program does not lie within the repository: give --server");
    }
}
