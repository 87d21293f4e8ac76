namespace KvStore.Client.Tests.Support;

internal static class Clients
{
    public static EtcdClient Of(params string[] endpoints) => Of(TimeSpan.FromSeconds(1), endpoints);

    /// <summary>For servers in a test's hands, which answer when the test comes to it: on a busy machine that may take more than the
    /// second after which a client takes a stream for dead and opens another.</summary>
    public static EtcdClient PatientOf(params string[] endpoints) => Of(TimeSpan.FromMinutes(1), endpoints);

    private static EtcdClient Of(TimeSpan connectTimeout, string[] endpoints) => new(new ClientOptions
    {
        Endpoints = endpoints,
        // A restart is to be noticed at once, not after the rest that suits a production cluster.
        MaxBackOff = TimeSpan.FromMilliseconds(200),
        ConnectTimeout = connectTimeout,
    });
}
