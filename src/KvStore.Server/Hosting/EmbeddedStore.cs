using KvStore.Grpc;
using KvStore.Server.Configuration;
using KvStore.Server.Logging;

namespace KvStore.Server.Hosting;

/// <summary>A whole member inside another program: what <c>kvstore</c> runs as a process, with a channel that no network carries.</summary>
/// <remarks>It listens as its flags say too, so that etcdctl can look at it. One to a process: the store's log is the process's.</remarks>
public sealed class EmbeddedStore : IAsyncDisposable
{
    private readonly MemberServer _server;
    private readonly Logger _log;

    private EmbeddedStore(MemberServer server, Logger log) => (_server, _log) = (server, log);

    /// <summary>Calls the store's services; good until the store is stopped.</summary>
    public CallInvoker Channel => _server.Channel;

    /// <param name="flags">As on the command line of <c>kvstore</c>: <c>--data-dir=...</c>. The environment is not looked at.</param>
    /// <param name="onFault">Told when the store cannot go on: nothing that it acknowledges later may be believed, so the process has to end.</param>
    /// <exception cref="ConfigurationException">The flags make no sense.</exception>
    /// <exception cref="InvalidDataException">The directory is damaged or foreign; other exceptions of files likewise.</exception>
    public static async Task<EmbeddedStore> StartAsync(
        IReadOnlyList<string> flags, Action<string, Exception> onFault, CancellationToken stopping = default)
    {
        var options = ConfigurationReader.FromFlags([.. flags]);
        var log = new Logger(options.Log.Level, options.Log.Format, LogSinks.Open(options.Log.Outputs), TimeProvider.System);
        Log.Current = log;
        try
        {
            return new EmbeddedStore(await MemberServer.StartAsync(options, onFault, stopping), log);
        }
        catch
        {
            Log.Current = Logger.Silent;
            log.Dispose();
            throw;
        }
    }

    /// <summary>Ends the streams, lets calls finish, takes a last checkpoint.</summary>
    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Log.Current = Logger.Silent;
        _log.Dispose();
    }
}
