using Microsoft.Extensions.Logging;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Tests.Security;

namespace Orchestrator.Runtime.Tests.Client;

/// <summary>What lies in a folder is applied to a real API server.</summary>
public sealed class ManifestFolderTests(SecuredServer cluster) : IClassFixture<SecuredServer>, IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly LinesLogger _log = new();
    private readonly HttpTransport _transport = new(new HttpTransportOptions(cluster.Server.Address)
    {
        CertificateAuthorities = [cluster.Certificates.ServerAuthority.Certificate], ClientCertificate = cluster.Certificates.Admin,
    });

    public void Dispose()
    {
        _transport.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task Objects_come_whatever_their_order_and_a_second_time_changes_nothing()
    {
        var client = new ApiClient(_transport);
        File.WriteAllText(_directory.File("1-config.yaml"), """
            # In a namespace that comes later.
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: one, namespace: late}
            data: {answer: "yes"}
            ---
            ---
            apiVersion: v1
            kind: List
            items:
            - {apiVersion: v1, kind: ConfigMap, metadata: {name: two, namespace: late}}
            """);
        File.WriteAllText(_directory.File("2-namespace.json"), """{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"late"}}""");
        File.WriteAllText(_directory.File("notes.txt"), "not a manifest");
        var folder = new ManifestFolder(Path.GetDirectoryName(_directory.File("x"))!, client, _log);

        Assert.Equal(0, await folder.ApplyAsync(CancellationToken.None));
        var first = await client.GetAsync<ConfigMap>("late", "one");
        Assert.Equal(0, await folder.ApplyAsync(CancellationToken.None));

        Assert.Equal("yes", first.Data!["answer"]);
        Assert.Equal(first.ResourceVersion, (await client.GetAsync<ConfigMap>("late", "one")).ResourceVersion);
        Assert.NotNull(await client.FindAsync<ConfigMap>("late", "two"));
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public async Task What_cannot_be_applied_is_named_with_its_file_and_holds_nothing_else_up()
    {
        var client = new ApiClient(_transport);
        File.WriteAllText(_directory.File("a.yaml"), "a: [1, 2");
        File.WriteAllText(_directory.File("b.yaml"), "apiVersion: v1\nkind: Nonsense\nmetadata: {name: x}\n");
        File.WriteAllText(_directory.File("c.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Not_Valid}\n");
        File.WriteAllText(_directory.File("d.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n");

        int refused = await new ManifestFolder(Path.GetDirectoryName(_directory.File("x"))!, client, _log).ApplyAsync(CancellationToken.None);

        Assert.Equal(2, refused);
        Assert.NotNull(await client.FindAsync<ConfigMap>("default", "good"));
        Assert.Collection(_log.Lines,
            line => Assert.Matches("a.yaml cannot be read: yaml: line ", line),
            line => Assert.StartsWith("b.yaml: there is no kind \"Nonsense\" in version \"v1\"", line),
            line => Assert.StartsWith("c.yaml: ConfigMap Not_Valid: ConfigMap \"Not_Valid\" is invalid: metadata.name", line));
    }

    [Fact]
    public async Task A_folder_that_is_not_there_has_nothing() =>
        Assert.Equal(0, await new ManifestFolder("/nonexistent", new ApiClient(_transport), _log).ApplyAsync(CancellationToken.None));

    private sealed class LinesLogger : ILogger
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Add(formatter(state, exception));
    }
}
