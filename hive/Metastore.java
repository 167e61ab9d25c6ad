import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.net.InetAddress;
import java.net.ServerSocket;
import org.apache.hadoop.hive.conf.HiveConf;
import org.apache.hadoop.hive.metastore.HiveMetaStore;
import org.apache.hadoop.hive.metastore.IHMSHandler;
import org.apache.hadoop.hive.metastore.TServerSocketKeepAlive;
import org.apache.hadoop.hive.metastore.TUGIBasedProcessor;
import org.apache.hadoop.hive.thrift.TUGIContainingTransport;
import org.apache.thrift.TException;
import org.apache.thrift.protocol.TProtocol;
import org.apache.thrift.server.ServerContext;
import org.apache.thrift.server.TServerEventHandler;
import org.apache.thrift.server.TThreadPoolServer;
import org.apache.thrift.transport.TServerSocket;
import org.apache.thrift.transport.TTransport;

/**
 * Hive's metastore service, listening on one address. Hive 2.3's own main class takes a port
 * only and listens on all of them. Compiled at start by the Janino in Spark's jars:
 * java -cp CONF:JARS org.codehaus.janino.SimpleCompiler Metastore.java Metastore ADDRESS PORT
 */
public final class Metastore {
    private static final int MIN_THREADS = 8;
    private static final int MAX_THREADS = 256;
    private static final int BACKLOG = 128;

    public static void main(String[] args) throws Exception {
        InetAddress address = InetAddress.getByName(args[0]);
        ServerSocket socket = new ServerSocket(Integer.parseInt(args[1]), BACKLOG, address);
        TThreadPoolServer.Args options =
            new TThreadPoolServer.Args(new TServerSocketKeepAlive(new TServerSocket(socket)));
        options.processor(new TUGIBasedProcessor(handler()));
        options.transportFactory(new TUGIContainingTransport.Factory());
        options.minWorkerThreads(MIN_THREADS);
        options.maxWorkerThreads(MAX_THREADS);
        TThreadPoolServer server = new TThreadPoolServer(options);
        server.setServerEventHandler(new CleanUp());
        System.err.println("metastore listens on " + socket.getLocalSocketAddress());
        server.serve();
    }

    private static IHMSHandler handler() throws Exception {
        Field remote = HiveMetaStore.class.getDeclaredField("isMetaStoreRemote");
        remote.setAccessible(true);
        remote.setBoolean(null, true);
        HiveConf conf = new HiveConf(HiveMetaStore.class);
        return HiveMetaStore.newRetryingHMSHandler(
            new HiveMetaStore.HMSHandler("metastore", conf, false), conf);
    }

    /** Gives a thread's database connection back when its client has gone, as Hive's server does. */
    public static final class CleanUp implements TServerEventHandler {
        public void preServe() {}

        public ServerContext createContext(TProtocol input, TProtocol output) {
            return null;
        }

        public void deleteContext(ServerContext context, TProtocol input, TProtocol output) {
            try {
                Method cleanUp = HiveMetaStore.class.getDeclaredMethod("cleanupRawStore", new Class[0]);
                cleanUp.setAccessible(true);
                cleanUp.invoke(null, new Object[0]);
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
        }

        public void processContext(ServerContext context, TTransport input, TTransport output) {}
    }
}
