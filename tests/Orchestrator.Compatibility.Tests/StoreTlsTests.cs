namespace Orchestrator.Compatibility.Tests;

/// <summary>An outside store that is reached by TLS, with a certificate on both sides.</summary>
public sealed class StoreTlsTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("orchestrator-store-tls-").FullName;
    private readonly StoreCertificates _certificates;

    public StoreTlsTests() => _certificates = new StoreCertificates(_directory);

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void A_store_that_cannot_be_used_is_told_in_one_line()
    {
        using var store = StoreCluster.StartKvStore(1, _certificates);
        File.WriteAllText(_certificates.FileOf("empty.crt"), "");

        Assert.Contains("certificate chain", Refusal(store.Endpoints, _certificates.Options("other-ca")), StringComparison.Ordinal);
        Assert.StartsWith("orchestrator: the store can not be used: ", Refusal(store.Endpoints, _certificates.Options(client: null)), StringComparison.Ordinal);
        Assert.StartsWith("orchestrator: the store can not be used: ", Refusal(store.Endpoints, _certificates.Options(client: "stranger")), StringComparison.Ordinal);
        Assert.Contains("refused", Refusal("https://127.0.0.1:1", _certificates.Options()), StringComparison.Ordinal);
        Assert.Equal(
            $"orchestrator: --store-cafile: {_certificates.FileOf("empty.crt")} holds no certificate in PEM\n",
            Refusal(store.Endpoints, _certificates.Options("empty")));
        Assert.Equal(
            $"orchestrator: --store-cafile: {_certificates.FileOf("nowhere.crt")} does not exist\n",
            Refusal(store.Endpoints, _certificates.Options("nowhere")));
    }

    /// <returns>All that a server says that is to fail.</returns>
    private static string Refusal(string endpoints, string[] options)
    {
        using var cluster = new Cluster("refused");

        var (exitCode, output) = cluster.Run([.. (string[])["server", "--https-listen-port", "0", "--store-endpoints", endpoints], .. options]);

        Assert.True(exitCode == 1 && output.Count(letter => letter == '\n') == 1, output);
        return output;
    }
}
