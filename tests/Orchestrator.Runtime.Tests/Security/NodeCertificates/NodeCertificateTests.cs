using System.Net;
using System.Security.Cryptography.X509Certificates;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Security.Certificates;
using Orchestrator.Runtime.Security.NodeCertificates;
using Orchestrator.Runtime.Tests.Nodes;

namespace Orchestrator.Runtime.Tests.Security.NodeCertificates;

public sealed class NodeCertificateTests : IDisposable
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);

    private readonly TemporaryDirectory _directory = new();
    private readonly SteppedTime _clock = new();
    private readonly CertificateAuthority _authority;
    private readonly PretendSigner _signer;
    private readonly ApiClient _client;

    public NodeCertificateTests()
    {
        _authority = CertificateAuthority.Create("ca", _clock.GetUtcNow(), TimeSpan.FromDays(3650));
        _signer = new PretendSigner(_authority, _clock, Lifetime);
        _client = new ApiClient(_signer);
    }

    public void Dispose()
    {
        _authority.Dispose();
        _directory.Dispose();
    }

    private NodeCertificateOptions Client => NodeCertificateOptions.Client(_directory.File("client.pem"), "a") with { Clock = _clock, Spread = () => 0.5 };

    private NodeCertificateOptions Serving =>
        NodeCertificateOptions.Serving(_directory.File("serving.pem"), "a", IPAddress.Parse("10.0.0.2")) with { Clock = _clock, Spread = () => 0.5 };

    [Fact]
    public async Task A_node_gets_a_certificate_of_its_name_and_finds_it_again_in_the_next_life()
    {
        var certificate = new NodeCertificate(Client);
        Assert.Null(certificate.Current);

        await certificate.RequestAsync(_client, default);

        var name = DistinguishedName.Of(certificate.Current!.SubjectName);
        Assert.Equal(("system:node:a", "system:nodes"), (name.CommonName, name.Organizations.Single()));
        Assert.True(_authority.IsTrusted(certificate.Current, CertificateAuthority.ClientAuth, _clock.GetUtcNow()));
        var again = new NodeCertificate(Client);
        Assert.Equal(certificate.Current.Thumbprint, again.Current!.Thumbprint);
        Assert.True(again.Current.HasPrivateKey);
    }

    [Fact]
    public async Task What_it_serves_with_names_its_name_and_address_and_is_asked_for_anew_when_that_is_another()
    {
        var certificate = new NodeCertificate(Serving);
        await certificate.RequestAsync(_client, default);

        var names = certificate.Current!.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single();
        Assert.Equal(["a"], names.EnumerateDnsNames());
        Assert.Equal([IPAddress.Parse("10.0.0.2")], names.EnumerateIPAddresses());
        Assert.NotNull(new NodeCertificate(Serving).Current);
        Assert.Null(new NodeCertificate(Serving with { Addresses = [IPAddress.Parse("10.0.0.3")] }).Current);
    }

    [Fact]
    public async Task A_certificate_that_is_over_or_damaged_is_none()
    {
        await new NodeCertificate(Client).RequestAsync(_client, default);
        _clock.Advance(Lifetime + TimeSpan.FromSeconds(1));
        Assert.Null(new NodeCertificate(Client).Current);

        await File.WriteAllTextAsync(_directory.File("client.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        Assert.Null(new NodeCertificate(Client).Current);
    }

    [Theory]
    [InlineData(0, 0.7)]
    [InlineData(0.999, 0.8998)]
    public async Task The_next_is_asked_for_when_most_of_the_time_is_over(double spread, double part)
    {
        var certificate = new NodeCertificate(Client);
        await certificate.RequestAsync(_client, default);
        DateTimeOffset from = certificate.Current!.NotBefore, until = certificate.Current.NotAfter;

        var due = NodeCertificate.RenewalTime(certificate.Current, spread);

        Assert.Equal(part, (due - from) / (until - from), 3);
    }

    [Fact]
    public async Task A_certificate_is_renewed_before_it_ends_and_everybody_is_told()
    {
        var certificate = new NodeCertificate(Client);
        await certificate.RequestAsync(_client, default);
        var told = new TaskCompletionSource<X509Certificate2>();
        certificate.Renewed += renewed => told.TrySetResult(renewed);
        string first = certificate.Current!.Thumbprint;
        DateTimeOffset end = certificate.Current.NotAfter;
        using var stop = new CancellationTokenSource();

        var keeping = Task.Run(() => certificate.KeepAsync(_client, stop.Token));
        await AdvanceUntilAsync(() => told.Task.IsCompleted);

        Assert.True(_clock.GetUtcNow() < end, "it was renewed before its end");
        Assert.NotEqual(first, certificate.Current.Thumbprint);
        Assert.Equal(2, _signer.Requests.Count);
        Assert.Equal(certificate.Current.Thumbprint, new NodeCertificate(Client).Current!.Thumbprint);
        await stop.CancelAsync();
        await keeping;
    }

    [Fact]
    public async Task A_server_that_is_away_is_asked_again()
    {
        var certificate = new NodeCertificate(Client);
        _signer.IsAway = true;
        using var stop = new CancellationTokenSource();
        var keeping = Task.Run(() => certificate.KeepAsync(_client, stop.Token));

        _clock.Advance(TimeSpan.FromSeconds(1));
        _signer.IsAway = false;
        await AdvanceUntilAsync(() => certificate.Current is not null);

        await stop.CancelAsync();
        await keeping;
    }

    [Fact]
    public async Task A_refusal_says_why()
    {
        _signer.Denies = true;

        var refusal = await Assert.ThrowsAsync<CertificateDeniedException>(() => new NodeCertificate(Client).RequestAsync(_client, default));

        Assert.Equal("the request csr-0 is denied: not here", refusal.Message);
    }

    [Fact]
    public async Task New_requests_show_the_new_certificate_and_streams_of_the_old_one_break_after_a_grace()
    {
        var certificate = new NodeCertificate(Client);
        await certificate.RequestAsync(_client, default);
        var made = new List<(string Thumbprint, PretendConnections Connections)>();
        using var transport = new RenewableTransport(shown =>
        {
            made.Add((shown.Thumbprint, new PretendConnections()));
            return made[^1].Connections;
        }, certificate.Current!, _clock);
        certificate.Renewed += transport.Renew;
        var request = new Orchestrator.Runtime.Client.ApiRequest(HttpMethod.Get, "/");
        await using var stream = await transport.OpenAsync(request, default);
        var reading = stream.ReadLineAsync(default).AsTask();

        await certificate.RequestAsync(_client, default);
        await transport.SendAsync(request, default);

        Assert.Equal([0, 1], made.Select(one => one.Connections.Requests));
        Assert.Equal(certificate.Current!.Thumbprint, made[1].Thumbprint);
        Assert.False(reading.IsCompleted);
        _clock.Advance(TimeSpan.FromSeconds(71));
        await Assert.ThrowsAsync<TransportException>(() => reading);
        // Readers hear of it first, perhaps while the connections are still being closed.
        await made[0].Connections.Disposed.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.False(made[1].Connections.Disposed.IsCompleted);
    }

    private async Task AdvanceUntilAsync(Func<bool> isSo)
    {
        var limit = DateTime.UtcNow.AddSeconds(60);
        while (!isSo())
        {
            Assert.True(DateTime.UtcNow < limit, "it never became so");
            _clock.Advance(TimeSpan.FromSeconds(5));
            await Task.Delay(1);
        }
    }

    private sealed class PretendConnections : IApiTransport, IDisposable
    {
        private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Requests { get; private set; }

        public Task Disposed => _disposed.Task;

        public Task<ApiResponse> SendAsync(Orchestrator.Runtime.Client.ApiRequest request, CancellationToken cancellation)
        {
            Requests++;
            return Task.FromResult(new ApiResponse(200, default, null));
        }

        public Task<IApiStream> OpenAsync(Orchestrator.Runtime.Client.ApiRequest request, CancellationToken cancellation) => Task.FromResult<IApiStream>(new SilentStream());

        public void Dispose() => _disposed.SetResult();
    }

    private sealed class SilentStream : IApiStream
    {
        public int StatusCode => 200;

        public TimeSpan? RetryAfter => null;

        public async ValueTask<ReadOnlyMemory<byte>?> ReadLineAsync(CancellationToken cancellation)
        {
            await Task.Delay(Timeout.Infinite, cancellation);
            return null;
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
