using System.Text;
using KvStore.Grpc;
using KvStore.Protocol;

namespace KvStore.Compatibility.Tests.Requests;

[Collection(RequestCollection.Name)]
public sealed class TransportTests(RequestServers servers)
{
    [Theory]
    [InlineData("etcdserverpb.KV", "Nothing")]
    [InlineData("etcdserverpb.KV", "range")]
    [InlineData("etcdserverpb.Nothing", "Range")]
    [InlineData("KV", "Range")]
    [InlineData("grpc.reflection.v1.ServerReflection", "ServerReflectionInfo")]
    [InlineData("grpc.health.v1.Health", "Nothing")]
    public Task An_unknown_method_is_unimplemented(string service, string method) => servers.CompareAsync(async etcd =>
    {
        await RawAsync(etcd, service, method, []);
        await etcd.PutAsync("a", "1");
    });

    [Fact]
    public Task Bytes_that_are_no_message_are_refused_and_the_connection_goes_on() => servers.CompareAsync(async etcd =>
    {
        byte[][] bodies = [[0xff], [0x0a, 0x05, 0x61], [0x0f], [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], [0x08, 0x80]];
        foreach (byte[] body in bodies)
        {
            foreach (string method in (string[])["Range", "Put", "Txn"])
                await RawAsync(etcd, "etcdserverpb.KV", method, body, isTextCompared: false);
            await etcd.PutAsync("a", "1");
        }
    });

    [Fact]
    public Task Unknown_fields_are_passed_over() => servers.CompareAsync(async etcd =>
    {
        await etcd.PutAsync("a", "1");
        byte[] body = [0x0a, 0x01, (byte)'a', 0xf8, 0x3f, 0x01]; // key: "a", field 1023: 1
        await RawAsync(etcd, "etcdserverpb.KV", "Range", body, parse: bytes => MessageText.Of(RangeResponse.Parser.ParseFrom(bytes)));
    });

    [Fact]
    public Task An_empty_message_is_a_request_without_a_key() => servers.CompareAsync(async etcd =>
    {
        foreach (string method in (string[])["Range", "Put", "DeleteRange"])
            await RawAsync(etcd, "etcdserverpb.KV", method, []);
    });

    [Fact]
    public Task Health_is_told_for_the_server_as_a_whole() => servers.CompareAsync(async etcd =>
    {
        var health = HealthReflection.Descriptor.Services.Single();
        foreach (string service in (string[])["", "etcdserverpb.KV", "nothing"])
            await etcd.CallAsync<HealthCheckRequest, HealthCheckResponse>(health, "Check", new HealthCheckRequest { Service = service });
    });

    [Fact]
    public Task Metadata_of_clients_is_taken() => servers.CompareAsync(async etcd =>
    {
        Metadata[] all =
        [
            new Metadata { { "client-api-version", "3.5" } },
            new Metadata { { "hasleader", "true" } },
            new Metadata { { "client-api-version", "no version" }, { "hasleader", "nonsense" } },
            new Metadata { { "token", "unknown" } },
            new Metadata { { "authorization", "unknown" } },
        ];
        foreach (var metadata in all)
            await RawAsync(etcd, "etcdserverpb.KV", "Range", [0x0a, 0x01, (byte)'a'], headers: metadata);
    });

    [Fact]
    public Task Compressed_requests_are_taken() => servers.CompareAsync(async etcd =>
    {
        await etcd.PutAsync("a", "1");
        await RawAsync(
            etcd, "etcdserverpb.KV", "Range", [0x0a, 0x01, (byte)'a'], useGzip: true,
            parse: bytes => MessageText.Of(RangeResponse.Parser.ParseFrom(bytes)));
        byte[] large = new byte[3_000_000];
        await RawAsync(etcd, "etcdserverpb.KV", "Range", large, useGzip: true);
    });

    [Fact]
    public Task Alarms_are_listed_raised_and_taken_back() => servers.CompareAsync(async etcd =>
    {
        await AlarmAsync(etcd, AlarmRequest.Types.AlarmAction.Get, AlarmType.None);
        await AlarmAsync(etcd, AlarmRequest.Types.AlarmAction.Activate, AlarmType.None);
        await AlarmAsync(etcd, AlarmRequest.Types.AlarmAction.Deactivate, AlarmType.Nospace, 99);
        await AlarmAsync(etcd, AlarmRequest.Types.AlarmAction.Activate, AlarmType.Nospace, 99);
        await AlarmAsync(etcd, AlarmRequest.Types.AlarmAction.Activate, AlarmType.Nospace, 99);
        await AlarmAsync(etcd, AlarmRequest.Types.AlarmAction.Get, AlarmType.None);
        await AlarmAsync(etcd, AlarmRequest.Types.AlarmAction.Get, AlarmType.Corrupt);
        await AlarmAsync(etcd, AlarmRequest.Types.AlarmAction.Get, AlarmType.Nospace);

        await etcd.PutAsync("a", "1");
        await etcd.RangeAsync(Request.Range("a"));
        await etcd.DeleteAsync("a");
        await etcd.GrantAsync(5, 1000);
        await etcd.TxnAsync(Request.Txn(success: [Request.Op(Request.Put("a", "1"))]));
        await etcd.TxnAsync(Request.Txn(failure: [Request.Op(Request.Put("a", "1"))]));
        await etcd.TxnAsync(Request.Txn(success: [Request.Op(Request.Delete("a"))]));
        await etcd.TxnAsync(Request.Txn(success: [Request.Op(Request.Range("a"))]));
        await etcd.RevokeAsync(404);

        await AlarmAsync(etcd, AlarmRequest.Types.AlarmAction.Deactivate, AlarmType.Nospace, 99);
        await AlarmAsync(etcd, AlarmRequest.Types.AlarmAction.Deactivate, AlarmType.Nospace, 99);
        await etcd.PutAsync("a", "1");
        await etcd.DepartsAsync(
            Departure.UnknownAlarmAction, client => AlarmAsync(client, (AlarmRequest.Types.AlarmAction)9, AlarmType.Nospace));
    });

    private static Task AlarmAsync(RecordedClient etcd, AlarmRequest.Types.AlarmAction action, AlarmType alarm, ulong member = 0) =>
        etcd.MaintenanceAsync<AlarmRequest, AlarmResponse>(
            "Alarm", new AlarmRequest { Action = action, Alarm = alarm, MemberID = member });

    private static async Task RawAsync(
        RecordedClient etcd, string service, string method, byte[] body, bool isTextCompared = true, bool useGzip = false,
        Metadata? headers = null, Func<byte[], string>? parse = null)
    {
        var call = new Method<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>(
            MethodType.Unary, service, method, Marshallers.Bytes, Marshallers.Bytes);
        string request = $"{service}/{method} {(body.Length > 40 ? $"{body.Length} bytes" : Convert.ToHexStringLower(body))} {Show(headers)}";
        using var patience = new CancellationTokenSource(RecordedClient.Patience);
        try
        {
            var response = await etcd.Channel.AsyncUnaryCall(
                call, null, new CallOptions(headers, CancellationToken: patience.Token) { UseGzip = useGzip }, body);
            etcd.Note(request, parse is null ? "OK" : parse(response.ToArray()));
        }
        catch (RpcException refusal)
        {
            string text = RecordedClient.TextOf(refusal);
            etcd.Note(request, isTextCompared ? text : $"{refusal.StatusCode}");
        }
    }

    private static string Show(Metadata? headers)
    {
        var text = new StringBuilder();
        foreach (var entry in headers ?? [])
            text.Append(entry.Key).Append(": ").Append(entry.Value).Append(' ');
        return text.ToString();
    }
}
